// The trainer's settings as its modules see them. The settings themselves (defaults, ranges, reasons) are
// libs/deployment/src/settings/trainer.ts: launcher, documents and deploy/ have them from there.

import type { Config, trainerSettings } from '@millrace/deployment';

export type TrainerConfig = Config<typeof trainerSettings>;
