/** Fields of forms: which of them hold something that the server does not know. */

export const FIELDS = "input:not([type=hidden]), textarea, select";

/** Tell whether somebody changed the field since the server rendered it. */
export function isChanged(field) {
  if (field instanceof HTMLSelectElement) {
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  // An input shows its text on one line, and that alone is no change.
  const isLine = field instanceof HTMLInputElement;
  return field.value !== (isLine ? field.defaultValue.replace(/[\r\n]/g, "") : field.defaultValue);
}

/** Return the changed field within the element that has the focus, or null. */
export function findTypedField(element) {
  const field = document.activeElement;
  return element.contains(field) && field.matches(FIELDS) && isChanged(field) ? field : null;
}
