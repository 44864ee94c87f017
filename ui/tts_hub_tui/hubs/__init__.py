"""Who speaks for the studio: the manager in this process, or a server elsewhere, behind one interface."""
