// HTTP of a trainer that stands by: it tells of model versions, which every trainer knows, and refuses the rest.
// Nothing was done, so that a client may ask the one at work what it asked here.

import { HTTP_STATUS_BY_CODE } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import type { FastifyInstance } from 'fastify';
import type { Duty } from './duty.js';

/** Versions and their artifacts. */
const KNOWN_TO_ALL = /^\/v1\/projects\/[^/]+\/models(?:\/|\?|$)/;
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

export function refuseOnStandby(instance: FastifyInstance, duty: Duty): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const { method, url } = request;
    if (!url.startsWith('/v1/') || (READS.has(method) && KNOWN_TO_ALL.test(url))) return done();
    try {
      duty.require();
    } catch (thrown) {
      const { code, reason: message, facts } = PlatformError.from(thrown);
      reply.code(HTTP_STATUS_BY_CODE[code]).type('application/json');
      reply.send(JSON.stringify({ error: { code, message, facts } }));
      return;
    }
    done();
  });
}
