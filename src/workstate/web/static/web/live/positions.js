/** Places in streams, written `epoch:offset`; those of different epochs can't be compared. */

/** Tell whether somebody who has read up to `own` needs nothing of what lies up to `other`. */
export function hasReached(own, other) {
  const [ownEpoch, ownOffset] = split(own);
  const [otherEpoch, otherOffset] = split(other);
  return ownEpoch === otherEpoch && ownOffset >= otherOffset;
}

function split(position) {
  const colon = position.lastIndexOf(":");
  return [position.slice(0, colon), Number(position.slice(colon + 1))];
}
