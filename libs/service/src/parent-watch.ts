// With MILLRACE_PARENT_WATCH=1 the supervisor holds our stdin; when it ends, the supervisor is gone.

import { environment } from '@millrace/config';
import { commonSettings } from '@millrace/deployment';

export function watchParent(end: (reason: string) => void): void {
  const { parentWatch } = commonSettings;
  // Unknown settings are reported with all others when the settings are loaded.
  if (environment()[parentWatch.env] !== '1') return;
  process.stdin.resume();
  process.stdin.on('end', () => end('parent ended'));
  process.stdin.on('close', () => end('parent ended'));
  process.stdin.on('error', () => end('parent ended'));
}
