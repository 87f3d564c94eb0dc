"""What benchmarks are fed with: prompts, ledgers, servers; all made up here or read from beside the clone."""
