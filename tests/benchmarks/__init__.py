"""Own the figures: modules `bench_<what>.py`, whose `main()` prints ratios against something in the same run."""
