"""Mail to users: templates, messages, and the transports that send them."""
