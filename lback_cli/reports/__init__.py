"""Reports on the users and the event log: tables, data for programs, and pages to send on."""
