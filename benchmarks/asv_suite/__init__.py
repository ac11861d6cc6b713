"""Speed and memory over the versions of this project, for airspeed velocity (`asv`): see `benchmarks/README.md`."""
