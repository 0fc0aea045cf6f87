const hour = 3_600_000;
/** Requests follow within this time: `$today` is the day on which the last of them is answered. */
const soon = 600_000;

/** Days and instants that scenarios name by what they are to the request. */
export function instants(now: number): Readonly<Record<string, string>> {
  const instant = (offset: number) => new Date(now + offset).toISOString();
  const day = (offset: number) => instant(soon + offset).slice(0, 10);
  return {
    '$hour-ago': instant(-hour),
    '$in-an-hour': instant(hour),
    $yesterday: instant(-24 * hour).slice(0, 10), // also for the first of them, before midnight
    $today: day(0),
    $tomorrow: day(24 * hour),
  };
}
