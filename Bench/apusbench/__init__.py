"""The benchmark of Apus against its peers: see Bench/README.md."""
