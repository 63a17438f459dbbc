// Two versions on the same recorded rows, by HTTP. One at a time: it holds rows and scores of both in memory.

import { bodyOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import { type BacktestPorts, runBacktest } from '../pipeline/backtest.js';
import { ModelRegistry } from '../registry/model-registry.js';

const calls = trainerApi.endpoints;
const TRY_AGAIN_MS = 5_000;

export abstract class BacktestRows {
  abstract readonly ports: Pick<BacktestPorts, 'rows' | 'models'>;
}

@Controller()
export class BacktestHttp {
  private isRunning = false;

  constructor(
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
    @Inject(BacktestRows) private readonly from: BacktestRows,
  ) {}

  @Answers(calls.backtest)
  async backtest(@Param('project') name: string, @Body() body: unknown) {
    const request = bodyOf(calls.backtest, body);
    const project = this.registry.project(name);
    if (project === undefined) throw new PlatformError('not_found', `no project "${name}"`);
    if (this.isRunning)
      throw new PlatformError('overloaded', 'another backtest runs: ask again when it has ended', {
        retry: { afterMs: TRY_AGAIN_MS },
      });
    this.isRunning = true;
    try {
      return await runBacktest(project, request, {
        ...this.from.ports,
        learned: {
          isTrainedHere: (version) => this.registry.model(name, version).origin === 'trained',
          unseenFromMs: (version) => this.unseenFromMs(name, version),
        },
        turn: () => new Promise((resolve) => setImmediate(resolve)),
      });
    } finally {
      this.isRunning = false;
    }
  }

  /** A version that was trained here has learned from rows before those that it was evaluated on. */
  private unseenFromMs(name: string, version: number): number | undefined {
    const { origin, evaluation } = this.registry.model(name, version);
    const fromMs = evaluation?.eventTimeFromMs ?? 0;
    return origin === 'trained' && fromMs > 0 ? fromMs : undefined;
  }
}
