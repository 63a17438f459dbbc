// A command line that runs another one with a bound on the memory of its data (RLIMIT_DATA): what is asked for beyond
// it is refused by the kernel, so that the process fails by itself, before the machine does. Linux counts every private
// writable mapping (heap, arenas, tensors); programs, libraries, files and shared memory are not counted. Other systems
// take the bound and do not hold mappings to it. A lower bound that the process inherits stays.

const KIB = 1024;

/** `bytes` undefined: unbounded. The shell becomes the command, so that the process id is the command's own. */
export function boundedCommand(
  bytes: number | undefined,
  command: string,
  args: readonly string[],
): { command: string; args: string[] } {
  if (bytes === undefined) return { command, args: [...args] };
  const script = 'ulimit -d "$0" 2>/dev/null; exec "$@"';
  return { command: '/bin/sh', args: ['-c', script, String(Math.ceil(bytes / KIB)), command, ...args] };
}
