"""Parts of the engine for white-box tests: jobs, processes, a second connection, a worker that runs in the test."""
