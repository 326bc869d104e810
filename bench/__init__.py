"""The benchmarks: one question a file, each runnable alone; `callboard bench` runs them by name."""
