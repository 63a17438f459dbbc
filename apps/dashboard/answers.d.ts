// What the monitor answers to the page, from libs/api: a figure that the API does not have does not pass the check
// of types.

import type { AnswerOf, monitorApi } from '@millrace/api';

type Calls = typeof monitorApi.endpoints;

export type Overviews = AnswerOf<Calls['overview']>;
export type Detectors = AnswerOf<Calls['detectors']>;
export type Windows = AnswerOf<Calls['windows']>;
export type Alarms = AnswerOf<Calls['alarms']>;
export type DriftEvents = AnswerOf<Calls['driftEvents']>;
export type Quality = AnswerOf<Calls['quality']>;
export type Models = AnswerOf<Calls['models']>;
export type Pulse = AnswerOf<Calls['pulse']>;
export type Audit = AnswerOf<Calls['audit']>;
export type Live = AnswerOf<Calls['now']>;

export type Window = Windows['windows'][number];
export type Test = Window['cohorts'][number]['tests'][number];
export type Alarm = Alarms['alarms'][number];
export type AuditEntry = Audit['entries'][number];
export type DriftEvent = DriftEvents['driftEvents'][number];
export type Overview = Overviews['projects'][number];
export type LoopNow = NonNullable<Live['loop']>;
export type Next = NonNullable<Live['next']>;
