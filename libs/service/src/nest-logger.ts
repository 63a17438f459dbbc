// Nest's own log lines through the platform's logger; its chatter about modules and routes is debug.

import { type Logger, logger } from '@millrace/telemetry';
import type { LoggerService } from '@nestjs/common';

export class NestLogger implements LoggerService {
  private readonly loggers = new Map<string, Logger>();

  private of(parameters: readonly unknown[]): Logger {
    const last = parameters[parameters.length - 1];
    const name = typeof last === 'string' ? `nest.${last}` : 'nest';
    let found = this.loggers.get(name);
    if (found === undefined) {
      found = logger(name);
      this.loggers.set(name, found);
    }
    return found;
  }

  log(message: unknown, ...parameters: unknown[]): void {
    this.of(parameters).debug(String(message));
  }

  debug(message: unknown, ...parameters: unknown[]): void {
    this.of(parameters).debug(String(message));
  }

  verbose(message: unknown, ...parameters: unknown[]): void {
    this.of(parameters).debug(String(message));
  }

  warn(message: unknown, ...parameters: unknown[]): void {
    this.of(parameters).warn(String(message));
  }

  error(message: unknown, ...parameters: unknown[]): void {
    if (message instanceof Error) this.of(parameters).error(message.message, {}, message);
    else this.of(parameters).error(String(message));
  }

  fatal(message: unknown, ...parameters: unknown[]): void {
    this.error(message, ...parameters);
  }
}
