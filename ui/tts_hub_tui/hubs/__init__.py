"""The hubs that generate speech: the manager in this process or a server, behind one interface."""
