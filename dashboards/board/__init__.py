"""The board in the browser: sources in src/, and built/, what the server sends (docs/board.md)."""
