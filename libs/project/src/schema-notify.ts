// The part `notify` of the project file's schema.

import { PLATFORM_EVENTS } from '@millrace/domain';
import { byName, choice, object, optionalList, text } from './schema-nodes.js';

/** Without user and password; what the address is, the sender judges when it connects. */
const WEBHOOK_URL = '^https?://[^\\s/@?#\\\\]+(?:[/?][^\\s#]*)?$';
/** A prefix of its own: a project file must not name other variables of the monitor. */
const WEBHOOK_SECRET = '^WEBHOOK_SECRET_[A-Z0-9_]{1,64}$';
/** None that says how the message is carried or signed. */
const HEADER_NAME =
  '^(?!(?:host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|cookie)$|content-|proxy-|webhook-)[a-z0-9-]{1,64}$';
const HEADER_VALUE = '^[\\x20-\\x7e]+$';

export const notifyNode = object('Who is told what happens to the project.', {
  webhooks: optionalList(
    'Receivers of signed CloudEvents, by HTTP POST.',
    object(
      'A receiver.',
      {
        url: text('Where to: http or https, on the public Internet or named by the operator.', {
          pattern: WEBHOOK_URL,
          maxLength: 2_048,
        }),
        events: optionalList(
          'Only these; without any: all.',
          choice('An event.', PLATFORM_EVENTS),
          PLATFORM_EVENTS.length,
        ),
        secret: object(
          'What messages are signed with.',
          {
            env: text(
              'Environment variable of the monitor that holds it, WEBHOOK_SECRET_ and a name; it never stands here.',
              {
                pattern: WEBHOOK_SECRET,
              },
            ),
          },
          ['env'],
        ),
        headers: byName(
          'Sent along. Whoever reads the project file reads them, too.',
          text('A value.', { pattern: HEADER_VALUE, maxLength: 1_024 }),
          16,
          { propertyNames: { pattern: HEADER_NAME } },
        ),
      },
      ['url', 'secret'],
    ),
    8,
  ),
});
