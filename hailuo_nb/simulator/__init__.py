"""The room simulator."""
