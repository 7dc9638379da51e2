"""One ticket (工单): how it comes to be and what it knows. Its whole life follows later."""
