// What callers see of an error. HTTP: { error: { code, message, facts? } } with the status of libs/api's table; gRPC,
// calls and streams: the table of libs/grpc; Kafka handlers: the error itself goes back to the consumer runner, which
// decides.

import { codeOfHttpStatus, type ErrorAnswer, HTTP_STATUS_BY_CODE } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { toServiceError } from '@millrace/grpc';
import { KafkaBatchContext } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Observable, of, throwError } from 'rxjs';

const log = logger('http');

/** Status and body of an error, also for Fastify's own (body too large, bad JSON) and Nest's (no such route). */
export function httpAnswer(thrown: unknown): { status: number; body: ErrorAnswer } {
  if (thrown instanceof PlatformError) {
    const facts = Object.keys(thrown.facts).length > 0 ? { facts: thrown.facts } : {};
    return {
      status: HTTP_STATUS_BY_CODE[thrown.code],
      body: { error: { code: thrown.code, message: thrown.reason, ...facts } },
    };
  }
  const status =
    thrown instanceof HttpException ? thrown.getStatus() : ((thrown as { statusCode?: unknown })?.statusCode ?? 500);
  if (typeof status === 'number' && status >= 400 && status < 500)
    return {
      status,
      body: { error: { code: codeOfHttpStatus(status), message: (thrown as Error).message } },
    };
  log.error('request failed', {}, thrown);
  // What went wrong inside is for the log, not for the caller.
  return { status: 500, body: { error: { code: 'internal', message: 'internal error' } } };
}

interface GrpcStream {
  write(message: unknown): boolean;
  emit(event: 'error', error: unknown): boolean;
}

@Catch()
export class PlatformErrorFilter implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): Observable<undefined> | undefined {
    if (host.getType() === 'rpc') {
      const isKafka = host.switchToRpc().getContext() instanceof KafkaBatchContext;
      if (isKafka) return throwError(() => exception);
      const call = host.getArgByIndex<Partial<GrpcStream> | undefined>(0);
      if (typeof call?.write !== 'function') return throwError(() => toServiceError(exception));
      // A handler that was given the stream itself (@GrpcStreamCall): nobody takes what it returns, and the stream must
      // end.
      call.emit?.('error', toServiceError(exception));
      return of(undefined);
    }
    const { status, body } = httpAnswer(exception);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (!reply.sent) reply.status(status).send(body);
    return undefined;
  }
}
