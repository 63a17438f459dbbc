// POST /v1/jobs, GET /v1/jobs and /v1/jobs/:name, DELETE /v1/jobs/:name: batch jobs from topic to topic.

import { PlatformError } from '@millrace/domain';
import { restError } from '@millrace/inference';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JobDesk } from './job-desk.js';

const BODY_BYTES_MAX = 65_536;

type JobCall = FastifyRequest<{ Params: { name: string } }>;

function parsed(body: unknown): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    throw new PlatformError('invalid_argument', 'the body is no JSON');
  }
}

/** `desk`: undefined where there is no Kafka. */
export function registerJobs(root: FastifyInstance, desk: JobDesk | undefined): void {
  const answer = (work: (jobs: JobDesk, request: JobCall) => unknown) => (request: JobCall, reply: FastifyReply) => {
    try {
      if (desk === undefined)
        throw new PlatformError('unimplemented', 'this process serves a folder alone, without Kafka');
      return reply.type('application/json').send(JSON.stringify(work(desk, request)));
    } catch (thrown) {
      const { status, body } = restError(PlatformError.from(thrown));
      return reply.code(status).type('application/json').send(body);
    }
  };
  root.register(async (http) => {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
      done(null, body),
    );
    http.post(
      '/v1/jobs',
      answer((jobs, { body }) => jobs.start(parsed(body))),
    );
    http.get(
      '/v1/jobs',
      answer((jobs) => ({ jobs: jobs.list() })),
    );
    http.get(
      '/v1/jobs/:name',
      answer((jobs, { params }) => jobs.get(params.name)),
    );
    http.delete(
      '/v1/jobs/:name',
      answer((jobs, { params }) => jobs.stop(params.name)),
    );
  });
}
