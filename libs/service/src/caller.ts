// A controller's parameter: where the call came from, as it is said.

import { type CalledFrom, calledFrom } from '@millrace/api';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): CalledFrom => {
  const { headers, socket } = context.switchToHttp().getRequest<FastifyRequest>();
  return calledFrom(headers, socket?.remoteAddress ?? '');
});
