// A container's health check: exit code 0 when /health/ready on the given loopback port answers 200.
const answer = await fetch(`http://127.0.0.1:${process.argv[2]}/health/ready`).catch(() => undefined);
process.exit(answer?.status === 200 ? 0 : 1);
