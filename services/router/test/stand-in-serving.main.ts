// The stand-in serving as a process of its own, which may be killed and stopped; what it does it is told over IPC.

import type { Told } from './serving-process.js';
import { StandInServing } from './stand-in-serving.js';

const serving = new StandInServing();

process.on('message', ({ port, loaded = [], broken = [], delayMs = 0 }: Told) => {
  serving.loaded.clear();
  for (const version of loaded) serving.loaded.add(version);
  serving.broken.clear();
  for (const [version, how] of broken) serving.broken.set(version, how);
  serving.delayMs = delayMs;
  if (serving.port !== 0) return;
  void serving.start(port).then(
    (bound) => process.send?.({ port: bound }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
