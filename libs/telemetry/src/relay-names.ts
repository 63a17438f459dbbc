// Metrics of the router's relay to serving; a part of names.ts.

export const RELAY_METRICS = {
  'millrace.router.in_flight': {
    kind: 'gauge',
    unit: '{request}',
    description: 'Requests inside the router, waiting ones included',
    labels: [],
  },
  'millrace.router.relay_up': {
    kind: 'gauge',
    unit: '1',
    description: '1 while a stream to serving is open',
    labels: [],
  },
  'millrace.router.ejections': {
    kind: 'counter',
    unit: '{ejection}',
    description: 'Servings that got nothing for a while, because they failed or lagged where others did not',
    labels: [],
  },
  'millrace.router.shed': {
    kind: 'counter',
    unit: '{request}',
    description:
      'Requests refused because they would have been answered late: a queue, or the lag of the router itself',
    labels: ['reason'],
  },
  'millrace.router.relay_retries': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests sent once more: a stream broke, or a serving did not take them',
    labels: [],
  },
  'millrace.router.retries_refused': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that were not sent once more, because the budget of retries was spent',
    labels: [],
  },
  'millrace.router.retries_left': {
    kind: 'gauge',
    unit: '{request}',
    description: 'Requests that the budget of retries lets be sent once more now',
    labels: [],
  },
  'millrace.router.loop_lag': {
    kind: 'gauge',
    unit: 'ms',
    description: 'How long what comes waits for the event loop of the router, while a queue stands',
    labels: [],
  },
} as const;
