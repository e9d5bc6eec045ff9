"""All that happens in a job, here and on an execution point; job.json tells it what, result.json what came of it."""
