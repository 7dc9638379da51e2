"""What people see and machines ask: REST, WebSocket, pages. Loopback by default."""
