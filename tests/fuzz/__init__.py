"""What comes from outside, bent at random: no crash, no hang, and the contract agrees."""
