import pg from 'pg';

/** Runs one statement as somebody else than the service. */
export async function sql<Row extends object>(url: string, text: string): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** How often each message is stored, by its id without `wamid.`. */
export async function storedTimes(url: string): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ id: string; times: string }>(
    url,
    `SELECT substr(payload ->> 'id', 7) AS id, count(*) AS times FROM wahook.inbox GROUP BY payload ->> 'id'`,
  );
  return new Map(rows.map(({ id, times }) => [id, Number(times)]));
}

/** What of the acknowledged is missing, and what is stored more than once: both empty if the service kept its word. */
export async function brokenPromises(
  url: string,
  acked: readonly string[],
): Promise<{ readonly lost: readonly string[]; readonly twice: readonly string[] }> {
  const times = await storedTimes(url);
  return {
    lost: acked.filter((id) => !times.has(id)),
    twice: [...times].filter(([, count]) => count > 1).map(([id]) => id),
  };
}

export const KEPT = { lost: [], twice: [] };
