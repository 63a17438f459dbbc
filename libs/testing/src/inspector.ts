// Looks into a Node process started with --inspect=127.0.0.1:<port>, over its inspector's WebSocket: garbage collected
// and memory counted, so that what is left is what is held.

export interface Memory {
  rssMib: number;
  /** After a full collection: JavaScript's heap, and what it keeps outside of it (buffers, array buffers). */
  heldMib: number;
}

const MIB = 1 << 20;
/** A full collection of a few hundred MiB takes well below a second. */
const ANSWER_MS = 10_000;

export class Inspector {
  private next = 1;
  private readonly waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as {
        id?: number;
        result?: unknown;
        error?: { message: string };
      };
      if (message.id === undefined) return;
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    });
  }

  static async connect(port: number): Promise<Inspector> {
    const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(list[0]?.webSocketDebuggerUrl as string);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`the inspector on port ${port} cannot be reached`)));
    });
    return new Inspector(socket);
  }

  async ask<T>(method: string, params: object = {}): Promise<T> {
    const id = this.next++;
    const answer = new Promise<{ result?: unknown; error?: { message: string } }>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${method} is not answered`)), ANSWER_MS);
      this.waiting.set(id, (message) => {
        clearTimeout(late);
        resolve(message);
      });
    });
    this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** Collects twice: finalizers of the first round free what the second takes. */
  async memory(): Promise<Memory> {
    await this.ask('HeapProfiler.collectGarbage');
    await this.ask('HeapProfiler.collectGarbage');
    const { result } = await this.ask<{ result: { value: string } }>('Runtime.evaluate', {
      expression: 'JSON.stringify(process.memoryUsage())',
    });
    const usage = JSON.parse(result.value) as { rss: number; heapUsed: number; external: number };
    return { rssMib: usage.rss / MIB, heldMib: (usage.heapUsed + usage.external) / MIB };
  }

  close(): void {
    this.socket.close();
  }
}
