// Two versions on the same recorded rows, by HTTP. One at a time: it holds rows and scores of both in memory.

import { bodyOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import { type BacktestPorts, runBacktest } from '../pipeline/backtest.js';
import type { SplitRule } from '../pipeline/split.js';
import { ModelRegistry } from '../registry/model-registry.js';
import { PackageFiles } from '../registry/package-files.js';

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
    @Inject(PackageFiles) private readonly packages: PackageFiles,
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
          splitOf: (version) => this.splitOf(name, version),
          unseenFromMs: (version) => this.unseenFromMs(name, version),
        },
        turn: () => new Promise((resolve) => setImmediate(resolve)),
      });
    } finally {
      this.isRunning = false;
    }
  }

  private async splitOf(name: string, version: number): Promise<SplitRule | undefined> {
    const { origin, packagePath } = this.registry.model(name, version);
    if (origin !== 'trained') return undefined;
    try {
      const { bytes } = await this.packages.read(packagePath, 'lineage.json');
      return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { split?: SplitRule }).split;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      // Of an earlier build.
      if (error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /** A version that was trained here has learned from rows before those that it was evaluated on. */
  private unseenFromMs(name: string, version: number): number | undefined {
    const { origin, evaluation } = this.registry.model(name, version);
    const fromMs = evaluation?.eventTimeFromMs ?? 0;
    return origin === 'trained' && fromMs > 0 ? fromMs : undefined;
  }
}
