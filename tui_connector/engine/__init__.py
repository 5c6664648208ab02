"""The worker wing: claims due work, interprets flows, and writes down every state change before and after."""
