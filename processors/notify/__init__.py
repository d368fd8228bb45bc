"""What is told to whom, when; and the queue of what was decided on.

Groups, waits, repeats, silences and inhibition are Alertmanager's.

Pure: every clock is handed in, state goes out as changes and comes back by
`restore`.
"""
