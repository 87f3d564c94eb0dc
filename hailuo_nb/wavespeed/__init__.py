"""The room wavespeed."""
