"""Where a process begins: the command line, the web server, and the one place that joins the contexts."""
