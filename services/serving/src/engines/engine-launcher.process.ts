// Starts engine processes: this Node on engine-host.main.js, with a socket pair as descriptor 3 for frames and another
// one as descriptor 4 that only shows the child that serving is gone; descriptor 5 is a memory file for large tensors.
// What the child prints goes to the log, line by line.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { environment } from '@millrace/config';
import { boundedCommand } from '@millrace/deployment';
import { systemClock } from '@millrace/domain';
import type { EngineLink, Launch, LinkEvents } from './engine-client.js';
import { OutputLines } from './output-lines.js';
import { visibleDevices } from './placement.js';
import { SharedBuffer } from './shared-buffer.js';
import { closeMemoryFile, openMemoryFile, sharedFile } from './shared-file.process.js';

export interface LaunchSettings {
  /** The only GPU that the process sees, counted among those that serving sees; undefined = none. */
  gpu: number | undefined;
  /** 0 to 19; higher = yields the processor to others. */
  niceness: number;
  /** What the process may take for its data (RLIMIT_DATA, which Linux keeps); undefined = unbounded. */
  dataBytesMax: number | undefined;
  /** A line that the process printed. */
  printed(line: string): void;
  /** For tests that run from the sources; else the file beside this one. */
  hostScript?: string;
}

const HOST_SCRIPT = fileURLToPath(new URL('./engine-host.main.js', import.meta.url));
/** After the end of the process its last words are read, unless a grandchild holds the pipe open. */
const LAST_WORDS_MS = 500;

export function processLauncher(settings: LaunchSettings): Launch {
  return (events) => new ChildLink(settings, events);
}

function variables(gpu: number | undefined): Record<string, string | undefined> {
  return {
    ...environment(),
    CUDA_VISIBLE_DEVICES: visibleDevices(gpu, environment().CUDA_VISIBLE_DEVICES),
    // Memory of large tensors is kept for the next ones instead of going back to the system and coming page by page:
    // halves the time of a 1 MiB call (measured, README). glibc only; others ignore it.
    MALLOC_MMAP_THRESHOLD_: '33554432',
    MALLOC_TRIM_THRESHOLD_: '67108864',
    // TensorFlow takes all memory of a GPU and talks much unless told otherwise.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_CPP_MIN_LOG_LEVEL: environment().TF_CPP_MIN_LOG_LEVEL ?? '2',
  };
}

class ChildLink implements EngineLink {
  readonly shared: SharedBuffer;
  private readonly child: ChildProcess;
  private readonly pipe: Socket;
  private readonly lines: OutputLines;
  private readonly exited: Promise<void>;
  private alive = true;

  constructor(settings: LaunchSettings, events: LinkEvents) {
    const script = settings.hostScript ?? HOST_SCRIPT;
    const memory = openMemoryFile();
    const { command, args } = boundedCommand(settings.dataBytesMax, process.execPath, [
      '--disable-warning=ExperimentalWarning',
      script,
    ]);
    const child = spawn(command, args, {
      env: variables(settings.gpu),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', memory ?? 'ignore'],
    });
    this.shared = new SharedBuffer(memory === undefined ? undefined : sharedFile(memory, 'serving'));
    this.child = child;
    this.lines = new OutputLines(settings.printed, systemClock);
    child.stdout?.on('data', (chunk: Uint8Array) => this.lines.push(chunk));
    child.stderr?.on('data', (chunk: Uint8Array) => this.lines.push(chunk));
    this.pipe = child.stdio[3] as Socket;
    this.pipe.on('data', (chunk: Uint8Array) => events.bytes(chunk));
    // Broken by the child's end, which is told below.
    this.pipe.on('error', () => undefined);
    child.stdio[4]?.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      const gone = (how: string): void => {
        if (!this.alive) return;
        this.alive = false;
        this.pipe.destroy();
        child.stdio[4]?.destroy();
        if (memory !== undefined) closeMemoryFile(memory);
        this.lines.end();
        const { last } = this.lines;
        events.gone(last === '' ? how : `${how}: ${last}`);
        resolve();
      };
      child.once('error', (error) => gone(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        const timer = setTimeout(() => gone(how), LAST_WORDS_MS);
        child.once('close', () => {
          clearTimeout(timer);
          gone(how);
        });
      });
    });
    if (child.pid !== undefined && settings.niceness > 0) yieldTo(child.pid, settings.niceness);
  }

  send(parts: readonly Uint8Array[]): void {
    const { pipe } = this;
    if (!this.alive || pipe.destroyed) return;
    if (parts.length === 1) {
      pipe.write(parts[0] as Uint8Array);
      return;
    }
    // One gathered write.
    pipe.cork();
    for (const part of parts) pipe.write(part);
    pipe.uncork();
  }

  async end(graceMs: number): Promise<void> {
    if (!this.alive) return;
    this.pipe.end();
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.alive) this.child.kill('SIGKILL');
  }
}

function yieldTo(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It ended already, or this container forbids it: priorities are a courtesy, nothing depends on them.
  }
}
