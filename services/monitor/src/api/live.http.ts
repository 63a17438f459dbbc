// GET /v1/projects/<project>/live: server-sent events for the dashboard, one `live` event a second. Bounded to
// STREAMS_MAX readers; a reader that does not keep up loses beats, not the connection.

import { monitorApi } from '@millrace/api';
import { type Clock, PlatformError } from '@millrace/domain';
import { fastifyPath, httpAnswer } from '@millrace/service';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { liveView, type ViewSources } from './views.js';

const STREAMS_MAX = 64;
/** Unsent bytes past which a beat is left out. */
const BACKLOG_BYTES_MAX = 1_048_576;

export class LiveStreams {
  private readonly streams = new Set<{ project: string; reply: FastifyReply }>();

  constructor(
    private readonly sources: ViewSources,
    private readonly clock: Clock,
  ) {}

  register(instance: FastifyInstance): void {
    instance.get<{ Params: { project: string } }>(fastifyPath(monitorApi.endpoints.live.path), (request, reply) => {
      const { project } = request.params;
      const refused = this.refusal(project);
      if (refused !== undefined) {
        const { status, body } = httpAnswer(refused);
        reply.status(status).send(body);
        return;
      }
      reply.hijack();
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      const stream = { project, reply };
      this.streams.add(stream);
      reply.raw.on('close', () => this.streams.delete(stream));
      this.send(stream);
    });
  }

  /** Called once a second. */
  beat(): void {
    // What many look at is made once.
    const made = new Map<string, string>();
    for (const stream of this.streams) this.send(stream, made);
  }

  close(): void {
    for (const { reply } of this.streams) reply.raw.end();
    this.streams.clear();
  }

  private refusal(project: string): PlatformError | undefined {
    if (this.sources.engine.monitor(project, this.clock.nowMs()) === undefined) {
      return new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
    }
    return this.streams.size >= STREAMS_MAX
      ? new PlatformError('overloaded', `${STREAMS_MAX} live streams are open already`)
      : undefined;
  }

  private send(stream: { project: string; reply: FastifyReply }, made = new Map<string, string>()): void {
    const { project, reply } = stream;
    if (this.sources.metadata.project(project) === undefined) {
      // Deleted since: the page asks again and is told so.
      this.streams.delete(stream);
      reply.raw.end();
      return;
    }
    if (reply.raw.writableLength > BACKLOG_BYTES_MAX) return;
    const text = made.get(project) ?? JSON.stringify(liveView(this.sources, project, this.clock.nowMs()));
    made.set(project, text);
    reply.raw.write(`event: live\ndata: ${text}\n\n`);
  }
}
