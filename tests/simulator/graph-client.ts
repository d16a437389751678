import type { Simulator } from '../../src/simulator/simulator.ts';

export interface GraphAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly messages?: readonly { readonly id: string; readonly group_id?: string }[];
    readonly contacts?: readonly unknown[];
    readonly success?: boolean;
    readonly error?: {
      readonly code: number;
      readonly message: string;
      readonly type: string;
      readonly fbtrace_id: string;
      readonly error_subcode?: number;
      readonly error_data?: { readonly details: string };
    };
  };
}

/** What a service under test does: one POST to `/messages`. A string is sent as it is. */
export async function post(
  simulator: Simulator,
  body: unknown,
  { token = simulator.business.accessToken, path = `${simulator.business.phoneNumberId}/messages` } = {},
): Promise<GraphAnswer> {
  const response = await fetch(`${simulator.apiUrl}/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as GraphAnswer['body'] };
}

/** A send request that Meta takes, with changes. */
export function textTo(to: string, body = 'Hello!', changes: object = {}): object {
  return { messaging_product: 'whatsapp', recipient_type: 'individual', to, type: 'text', text: { body }, ...changes };
}

export function buttonsTo(to: string, titles: readonly string[], changes: object = {}): object {
  const buttons = titles.map((title, index) => ({ type: 'reply', reply: { id: `b${index}`, title } }));
  const interactive = { type: 'button', body: { text: 'What can I do for you?' }, action: { buttons }, ...changes };
  return { messaging_product: 'whatsapp', to, type: 'interactive', interactive };
}
