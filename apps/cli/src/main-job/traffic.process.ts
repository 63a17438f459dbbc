// The main job's side of the traffic process.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PlatformError } from '@millrace/domain';
import type { FromTraffic, ToTraffic, TrafficResult, TrafficSettings, TrafficStatus } from './traffic-messages.js';

const SCRIPT = fileURLToPath(new URL('./traffic.main.js', import.meta.url));
/**
 * As the services of the request path run: most garbage dies before it is copied, and no helper thread is waited for.
 */
const NODE_ARGS = ['--max-semi-space-size=32', '--single-threaded-gc'];

/** Live traffic as the main job sees it. */
export interface LiveTraffic {
  readonly status: TrafficStatus;
  /** Latencies of later requests count to this phase. `paced`: the reserve must last until the next one. */
  enter(phase: string, paced: boolean): void;
  readonly phase: string;
  /** Sends no further rows; `result` follows once everything sent is answered and acknowledged. */
  stop(): void;
  /** Ends the traffic at once; there is no result then. */
  abandon(): void;
  readonly result: Promise<TrafficResult>;
  readonly isOver: boolean;
}

export class TrafficProcess implements LiveTraffic {
  status: TrafficStatus = { sent: 0, requests: 0, failures: 0, labelsSent: 0, newestVersion: 0 };
  phase = 'replay';
  isOver = false;
  readonly result: Promise<TrafficResult>;
  private readonly child: ChildProcess;

  constructor(settings: TrafficSettings) {
    // Its own group: Ctrl-C reaches only the command, also while this one still starts; it ends with the channel.
    this.child = fork(SCRIPT, [], { serialization: 'advanced', execArgv: NODE_ARGS, detached: true });
    this.result = new Promise((resolve, reject) => {
      this.child.on('message', (message: FromTraffic) => {
        if (message.kind === 'status') this.status = message;
        else if (message.kind === 'result') resolve(message.result);
        else reject(new PlatformError('internal', `the traffic ended: ${message.message}`));
      });
      // A message that was on its way to a process which is killed: without a listener it would end this one.
      this.child.on('error', (error) => reject(new PlatformError('internal', `the traffic process: ${error.message}`)));
      // Unlike `exit`, this comes after the last message.
      this.child.once('disconnect', () => {
        this.isOver = true;
        reject(new PlatformError('internal', 'the traffic process ended early'));
      });
    });
    // A failure is told where the result is awaited; until then it must not count as unhandled.
    this.result.catch(() => undefined);
    this.say({ kind: 'start', settings });
  }

  enter(phase: string, paced: boolean): void {
    this.phase = phase;
    this.say({ kind: 'phase', phase, paced });
  }

  stop(): void {
    this.say({ kind: 'stop' });
  }

  abandon(): void {
    this.child.kill('SIGKILL');
  }

  private say(message: ToTraffic): void {
    if (this.child.connected) this.child.send(message);
  }
}
