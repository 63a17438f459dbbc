// Batch jobs from topic to topic over HTTP, as libs/api says, errors too.

import { type AnswerGiven, bodyOf, type Endpoint, servingApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { fastifyPath, httpAnswer } from '@millrace/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BatchJobs } from './batch-jobs.js';

const BODY_BYTES_MAX = 65_536;

const calls = servingApi.endpoints;

type JobCall = FastifyRequest<{ Params: { name: string } }>;

function parsed(body: unknown): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    throw new PlatformError('invalid_argument', 'the body is no JSON');
  }
}

/** Why a process runs no jobs. */
export function noJobs(several: boolean): string {
  return several
    ? 'with MILLRACE_SERVING_PROCESSES above 1 there are no jobs: start a serving process of its own for them, with ' +
        'MILLRACE_SERVING_PROCESSES=1 and other ports, and ask that one'
    : 'this process serves a folder alone, without Kafka';
}

/**
 * `jobs`: or the words for why this process runs no jobs. Resolves when the routes are there: the API's check looks for
 * them.
 */
export async function registerJobs(root: FastifyInstance, jobs: BatchJobs | string): Promise<void> {
  const answer = (work: (jobs: BatchJobs, request: JobCall) => unknown) => (request: JobCall, reply: FastifyReply) => {
    try {
      if (typeof jobs === 'string') throw new PlatformError('unimplemented', jobs);
      return reply.type('application/json').send(JSON.stringify(work(jobs, request)));
    } catch (thrown) {
      const { status, body } = httpAnswer(thrown);
      return reply.code(status).type('application/json').send(JSON.stringify(body));
    }
  };
  await root.register(async (http) => {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
      done(null, body),
    );
    const route = <E extends Endpoint>(
      { method, path }: E,
      work: (jobs: BatchJobs, request: JobCall) => AnswerGiven<E>,
    ) => http.route({ method, url: fastifyPath(path), handler: answer(work) });
    route(calls.startJob, (jobs, { body }) => jobs.start(bodyOf(calls.startJob, parsed(body))));
    route(calls.jobs, (jobs) => ({ jobs: jobs.list() }));
    route(calls.job, (jobs, { params }) => jobs.get(params.name));
    route(calls.stopJob, (jobs, { params }) => jobs.stop(params.name));
  });
}
