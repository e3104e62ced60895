/*
 * When people log in: hours of the day (UTC) and days of the week, by kind of place. 1 is an average hour of a working day.
 */

export const PLACES = ['office', 'library', 'hospital', 'court', 'school'] as const
export type Place = (typeof PLACES)[number]

// prettier-ignore
const HOURS: Readonly<Record<Place, readonly number[]>> = {
  //         0    1    2    3    4    5    6    7    8    9    10   11   12   13   14   15   16   17   18   19   20   21   22   23
  office:   [0.02,0.01,0.01,0.01,0.02,0.1, 0.5, 1.6, 3.4, 3.0, 2.2, 1.8, 1.5, 2.4, 2.0, 1.7, 1.3, 0.8, 0.4, 0.2, 0.1, 0.08,0.05,0.03],
  library:  [0.01,0.01,0.01,0.01,0.01,0.02,0.1, 0.3, 0.9, 2.2, 2.5, 2.3, 2.1, 2.3, 2.6, 2.8, 2.6, 1.9, 1.1, 0.5, 0.1, 0.03,0.02,0.01],
  hospital: [0.4, 0.35,0.3, 0.3, 0.35,0.5, 1.2, 1.6, 1.5, 1.4, 1.3, 1.3, 1.3, 1.4, 1.4, 1.3, 1.2, 1.2, 1.4, 1.3, 1.0, 0.8, 0.6, 0.5],
  court:    [0.01,0.01,0.01,0.01,0.01,0.05,0.2, 0.9, 3.0, 4.0, 3.2, 2.4, 1.9, 2.9, 2.6, 1.8, 0.7, 0.2, 0.05,0.02,0.01,0.01,0.01,0.01],
  school:   [0.01,0.01,0.01,0.01,0.02,0.1, 0.8, 3.6, 3.4, 2.8, 2.6, 2.4, 2.2, 2.2, 1.9, 1.0, 0.5, 0.3, 0.1, 0.05,0.02,0.02,0.01,0.01],
}

/** Saturday and Sunday, relative to a working day. */
const WEEKENDS: Readonly<Record<Place, readonly [number, number]>> = {
  office: [0.07, 0.04],
  library: [0.8, 0.15],
  hospital: [0.75, 0.7],
  court: [0.02, 0.01],
  school: [0.03, 0.02],
}

/** How busy places of this kind are at this time, relative to an average hour of a working day. */
export function busyness(place: Place, at: number): number {
  const date = new Date(at)
  const hour = date.getUTCHours()
  const share = date.getUTCMinutes() / 60
  const hours = HOURS[place]
  // Interpolates between hours.
  const level = hours[hour] * (1 - share) + hours[(hour + 1) % 24] * share
  const day = date.getUTCDay()
  return level * (day === 6 ? WEEKENDS[place][0] : day === 0 ? WEEKENDS[place][1] : 1)
}
