// Preloaded into the command line by run-cli.mjs: when the script that started it is killed (SIGKILL passes no signal
// on), its end of the pipe on descriptor 3 closes, and the platform is stopped in order instead of living on alone.
import { Socket } from 'node:net';

try {
  const pipe = new Socket({ fd: 3, readable: true, writable: false });
  const end = () => process.kill(process.pid, 'SIGTERM');
  pipe.on('end', end).on('error', end).resume();
  pipe.unref();
} catch {
  // No descriptor 3: a worker thread or child process of the command line that inherited the option, not the fd.
}
