// Evaluations inside other messages: proto millrace.model.v1.Evaluation and millrace.monitoring.v1.Quality. Three
// metrics have a field each since v0.1, every other one is an entry of `metrics`; the domain has them all by name.

import type { Evaluation } from '@millrace/evaluation';

export interface WireMetrics {
  auc?: number | undefined;
  logLoss?: number | undefined;
  accuracy?: number | undefined;
  metrics: Readonly<Record<string, number>>;
}

export type WireEvaluation = WireMetrics & Omit<Evaluation, 'metrics'>;

export function metricsToWire({ auc, log_loss: logLoss, accuracy, ...metrics }: Evaluation['metrics']): WireMetrics {
  return { auc, logLoss, accuracy, metrics };
}

export function metricsFromWire({ auc, logLoss, accuracy, metrics }: WireMetrics): Evaluation['metrics'] {
  const own = { auc, log_loss: logLoss, accuracy };
  const measured = Object.entries(own).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return { ...Object.fromEntries(measured), ...metrics };
}

export function evaluationToWire({ metrics, ...rest }: Evaluation): WireEvaluation {
  return { ...rest, ...metricsToWire(metrics) };
}

export function evaluationFromWire({ auc, logLoss, accuracy, metrics, ...rest }: WireEvaluation): Evaluation {
  return { ...rest, metrics: metricsFromWire({ auc, logLoss, accuracy, metrics }) };
}
