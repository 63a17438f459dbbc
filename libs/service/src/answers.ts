// Binds a controller's method to the call of libs/api that it answers: path, HTTP method and status come from there,
// and what the method returns must be what the API says, or it does not compile. Bodies and queries are read with
// `bodyOf` and `queryOf`.

import type { AnswerGiven, Endpoint, ErrorAnswer } from '@millrace/api';
import { applyDecorators, HttpCode, RequestMapping, RequestMethod } from '@nestjs/common';

/** Fastify's form of a path: "{project}" is ":project", and "{file*}" is "*". */
export function fastifyPath(path: string): string {
  return path.replace(/\{\w+\*\}/g, '*').replace(/\{(\w+)\}/g, ':$1');
}

type Result<E extends Endpoint> = AnswerGiven<E> | ErrorAnswer;

/** For a method of a `@Controller()`. One that sends the reply itself returns nothing. */
export function Answers<E extends Endpoint>(endpoint: E) {
  const decorate = applyDecorators(
    RequestMapping({ path: fastifyPath(endpoint.path), method: RequestMethod[endpoint.method] }),
    HttpCode(endpoint.status),
  );
  return <Method extends (...given: never[]) => Result<E> | void | Promise<Result<E> | void>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => decorate(target, key, descriptor);
}
