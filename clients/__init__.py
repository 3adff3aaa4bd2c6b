"""What people sit at: the terminal and the window, and the link to a server that both share."""
