import type { FailureClass } from '../../core/model.ts';
import type { SendFailure, SendLimit } from '../../core/ports/sending.ts';

/** What one error code of the Graph API, or one range of codes, means for a message that we wanted to send. */
export interface GraphErrorRow {
  readonly codes: number | readonly [first: number, last: number];
  readonly class: FailureClass;
  readonly kind: Exclude<SendFailure['kind'], 'ambiguous'>;
  /** For the operator: our words, no content. */
  readonly reason: string;
  /** First wait; the queue lets it grow with the attempt. */
  readonly afterMs?: number;
  /** How often at most it is worth trying again. */
  readonly limit?: number;
  /** How the wait grows with each attempt, if not twofold. */
  readonly growth?: number;
  readonly exceeded?: SendLimit;
  /** Only a message with this can be repeated as it is. */
  readonly only?: 'link';
  /** The page of Meta's documentation, or the program, that says so, with its date. */
  readonly source: string;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

type Rule = Omit<GraphErrorRow, 'source'>;
type Codes = GraphErrorRow['codes'];

/** Every message would fail: the token, the number or the account must be mended first. */
const stop = (codes: Codes, reason: string): Rule => ({ codes, class: 'stop', kind: 'unauthorized', reason });

/** The same message would be refused again. */
const refuse = (codes: Codes, reason: string): Rule => ({ codes, class: 'never', kind: 'rejected', reason });

/** The same message would be refused again, but something else would do: a template, a phone number, another call. */
const instead = (codes: Codes, reason: string): Rule => ({ codes, class: 'another_way', kind: 'rejected', reason });

/** It may be sent in hours, or once a person has done something: not by us. */
const notSoon = (codes: Codes, reason: string): Rule => ({ codes, class: 'later', kind: 'rejected', reason });

/** Certainly not taken, and worth another try. */
const retry = (codes: Codes, afterMs: number, reason: string, more: Partial<Rule> = {}): Rule => ({
  ...{ codes, class: 'transient', kind: 'retry', afterMs, reason },
  ...more,
});

/** The same, but it takes long. */
const later = (codes: Codes, afterMs: number, reason: string, more: Partial<Rule> = {}): Rule =>
  retry(codes, afterMs, reason, { class: 'later', ...more });

const from = (source: string, rules: readonly Rule[]): GraphErrorRow[] => rules.map((rule) => ({ ...rule, source }));

/** A section of Meta's page "Error codes" in its copy of 2026-09-11. */
const page = (section: string, rules: readonly Rule[]) => from(`Meta, Error codes, "${section}", 2026-09-11`, rules);

/**
 * The one table of Graph error codes. A code that is missing here is unknown. Waits that Meta's pages leave open are ours:
 * seconds where a server is busy, minutes where a limit is counted per hour, hours where it is about quality.
 */
export const GRAPH_ERRORS: readonly GraphErrorRow[] = [
  ...page('Authorization errors', [
    stop(0, 'Meta could not authenticate the access token; a new one is needed.'),
    stop(3, 'The app lacks a capability or a permission for this call.'),
    stop(10, 'A permission of the app was not granted or was taken away.'),
    stop(190, 'The access token is invalid or has expired; a new one is needed.'),
    stop([200, 299], 'A permission of the app was not granted or was taken away, or no access token was sent.'),
  ]),
  ...page('Integrity errors', [
    stop(368, 'Meta has restricted or disabled the business account because of its policy.'),
    refuse(130497, 'The business account may not write to people in this country.'),
    stop(131031, 'Meta has locked the business account.'),
  ]),
  ...page('Throttling errors', [
    retry(4, MINUTE_MS, 'The app has reached its limit of calls.', { exceeded: 'app' }),
    retry(80007, MINUTE_MS, 'The business account has reached its limit of calls.', { exceeded: 'account' }),
    retry(130429, 2 * SECOND_MS, 'The number has reached its throughput.', { exceeded: 'number' }),
    later(131048, 4 * HOUR_MS, 'The number may send little for now: too many people blocked it or reported spam.', {
      limit: 2,
    }),
    refuse(133016, 'The number was registered or deregistered too often in a short time.'),
    refuse(131064, 'The account has reached a limit that it got for templates in the wrong category.'),
  ]),
  // 4^X seconds: 1, 4, 16, 64 … The first waits cannot help by themselves, at one message in 6 s; the limiter, which counts this
  // person's burst as used up from now on, adds what is missing.
  ...from('Meta, About the platform (rate limits), 2026-09-11', [
    retry(131056, SECOND_MS, 'Too many messages to this one person in a short time; others can still be written to.', {
      growth: 4,
      exceeded: 'recipient',
    }),
  ]),
  ...page('Other errors', [
    retry(1, 5 * SECOND_MS, 'Meta had an unknown error, or could not read the request.', { limit: 2 }),
    retry(2, 5 * SECOND_MS, 'The API is down or overloaded.'),
    stop(33, 'The business number was deleted, or the token may not see it.'),
    refuse(100, 'A parameter is unknown, misspelt or out of its limits.'),
    refuse(130403, 'The business has blocked this person.'),
    refuse(130472, 'Meta holds this marketing message back as part of an experiment.'),
    retry(131000, 5 * SECOND_MS, 'Meta had an unknown error with this message.', { limit: 2 }),
    stop(131005, 'A permission of the app was not granted or was taken away.'),
    refuse(131008, 'A required parameter is missing.'),
    refuse(131009, 'The value of a parameter is not valid.'),
    retry(131016, 5 * SECOND_MS, 'A service of Meta is temporarily unavailable.'),
    refuse(131021, 'Sender and recipient are the same number.'),
    refuse(131026, 'Undeliverable: not on WhatsApp, terms not accepted, or WhatsApp too old on the phone.'),
    refuse(131037, 'The display name of this 555 number is not approved.'),
    stop(131042, 'The payment method of the business account has a problem.'),
    stop(131045, 'The number is not registered correctly.'),
    {
      codes: 131047,
      class: 'another_way',
      kind: 'window_closed',
      reason: 'The last message of this person is more than 24 hours old; only a template would be delivered.',
    },
    notSoon(131049, 'Not delivered, to limit the marketing that one person gets; not worth trying within 24 hours.'),
    refuse(131050, 'This person has opted out of marketing messages of the business.'),
    refuse(131051, 'Meta does not support this type of message.'),
    refuse(131052, 'The file that the customer sent could not be downloaded.'),
    retry(131053, 5 * SECOND_MS, 'Meta could not fetch or take the file of the message.', {
      ...{ class: 'another_way', limit: 1, only: 'link' },
    }),
    retry(131057, MINUTE_MS, 'The business account is in maintenance, for instance while its throughput is raised.'),
    instead(131063, 'Marketing templates are switched off for this account on the Cloud API.'),
    refuse(132000, 'The number of parameters is not the one that the template asks for.'),
    refuse(132001, 'The template does not exist in this language, or is not approved.'),
    refuse(132005, 'The text of the template gets too long with these parameters.'),
    refuse(132007, 'The content of the template breaks a policy.'),
    refuse(132012, 'A parameter does not have the format that the template asks for.'),
    refuse(132015, 'The template is paused because of its quality.'),
    refuse(132016, 'The template is disabled for good because of its quality.'),
    refuse(132068, 'The Flow is blocked.'),
    later(132069, 10 * MINUTE_MS, 'The Flow is throttled to 10 messages an hour.', { limit: 6 }),
    refuse(133000, 'An earlier deregistration of the number did not finish.'),
    retry(133004, 5 * SECOND_MS, 'A server of Meta is temporarily unavailable.'),
    refuse(133005, 'The PIN of the number is wrong.'),
    refuse([133006, 133007], 'The number must be verified before it is registered.'),
    notSoon(133008, 'The PIN of the number was guessed too often.'),
    notSoon(133009, 'The PIN of the number was entered too quickly.'),
    stop(133010, 'The number is not registered on the WhatsApp Business Platform.'),
    notSoon(133015, 'The number was deleted a moment ago; registering it must wait 5 minutes.'),
    instead(134011, 'The terms of WhatsApp Payments are not accepted.'),
    refuse(135000, 'Meta could not make sense of the parameters.'),
  ]),
  ...page('Marketing Messages API for WhatsApp error codes', [
    refuse(131055, 'This API takes marketing templates only.'),
    refuse(132018, 'The parameters of the template are not valid.'),
    instead(134100, 'This API takes marketing templates only.'),
    later(134101, 10 * MINUTE_MS, 'The new template is still being synchronised, which takes up to 10 minutes.'),
    instead(134102, 'The template cannot be used: not synchronised, or the account is not eligible.'),
  ]),
  ...page('Template creation, Send template, Phone migration errors', [
    refuse([2388000, 2388999], 'A call about templates or the migration of a number was refused.'),
    refuse(2494100, 'The number is in maintenance.'),
  ]),
  ...page('Synchronization errors', [
    refuse([2593107, 2593109], 'The synchronisation of a WhatsApp Business app was refused.'),
  ]),
  ...from('Meta, Error codes, version before 2026-09 (with HTTP status)', [
    refuse(132008, 'The parameters of the template are not valid.'),
  ]),
  ...from('Meta, No Storage, copy of 2025-12 to 2026-03', [
    refuse(131035, 'Meta dropped a webhook that it could not deliver in time: an inbound message is lost.'),
    refuse(131036, 'The phone of the recipient could not decrypt the message in time.'),
  ]),
  ...from('Meta, Business-scoped user IDs, 2026-05-28', [
    instead(131062, 'This message needs a phone number as its recipient, not a business-scoped user id.'),
  ]),
  ...from('Meta, changelog, 2025-10-08', [refuse(131059, 'A query about messaging limits or groups was refused.')]),
  ...from('david-lev/pywa, pywa/errors.py, 2026-08-12', [
    retry(613, MINUTE_MS, 'A limit of calls is reached.'),
    refuse(131020, 'The group does not take this message.'),
    refuse(131030, 'The test number may write only to the recipients on its list.'),
    refuse(131041, 'The group does not take this message.'),
    retry(131208, MINUTE_MS, 'The limit of messages to groups is reached.'),
    refuse([131200, 131299], 'The group does not take this message.'),
    refuse([138000, 138018], 'A call was refused.'),
    refuse([139000, 139004], 'A Flow was refused.'),
    refuse([139100, 139103], 'Blocking or unblocking a person was refused.'),
  ]),
  ...from('not on the error page of 2026-09-11; known from digests of other pages of Meta, 2026-09-26', [
    refuse(131044, 'The payment method of the business account does not allow calls.'),
    refuse(131060, 'A message of the customer is not available.'),
    refuse([147001, 147005], 'The username of the business was refused.'),
  ]),
];
