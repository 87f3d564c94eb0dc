"""The room prompts."""
