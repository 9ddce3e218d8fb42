"""Whose record a resource belongs to, by the Patient CompartmentDefinition.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html. Two questions, two answers: the one patient whose chart the
resource is part of, and all patients in whose compartment ($everything) it lies.
"""

from functools import cache
from typing import Any

from sojourn.fhir.extract import extract
from sojourn.fhir.searchparams import PARAMS, patient_params
from sojourn.fhir.terms import Terms

SUBJECTS = ("patient", "subject", "beneficiary", "individual", "actor", "source", "party")
"""Parameters that name the chart a resource is in; of these a type's first one that can point to a Patient decides."""


@cache
def subject_param(resource_type: str) -> str | None:
    """The parameter that says whose chart a resource of this type is in; None for types that are in nobody's."""
    members = set(patient_params(resource_type)) | {"patient"}
    for name in SUBJECTS:
        param = PARAMS[resource_type].get(name)
        if param is not None and name in members and {"Patient", "*"} & set(param.targets):
            return name
    return None


@cache
def sources(resource_type: str, code: str) -> frozenset[str]:
    """The indexed parameters that a reference parameter is seen through."""
    via = PARAMS[resource_type][code].via
    return frozenset(name.partition(":")[0] for name in via) if via else frozenset({code})


def patient_of(resource: dict[str, Any], terms: Terms | None = None, base: str = "") -> str | None:
    """The logical id of the one patient whose record the resource is in.

    A Patient is in its own. None when it is about nobody, about several people, or about someone elsewhere.
    """
    resource_type = resource["resourceType"]
    if resource_type == "Patient":
        found: str | None = resource.get("id")
        return found
    name = subject_param(resource_type)
    if name is None:
        return None
    names = sources(resource_type, name)
    known = terms or extract(resource, base)
    patients = {target[8:] for code, target in known.references if code in names and target.startswith("Patient/")}
    return patients.pop() if len(patients) == 1 else None


def fixed_by(resource_type: str, code: str) -> bool:
    """Whether "this parameter points to that patient" and "the row is in that patient's chart" are the same question."""
    subject = subject_param(resource_type)
    if subject is None or code not in PARAMS[resource_type]:
        return False
    param = PARAMS[resource_type][subject]
    return param.single and len(param.paths) == 1 and sources(resource_type, code) == sources(resource_type, subject)


def patients_of(resource: dict[str, Any], base: str = "") -> set[str]:
    """Logical ids of all patients in whose compartment the resource lies."""
    resource_type = resource["resourceType"]
    names = {source for code in patient_params(resource_type) if code in PARAMS[resource_type] for source in sources(resource_type, code)}
    found = {t[8:] for code, t in extract(resource, base).references if code in names and t.startswith("Patient/")}
    return found | {resource["id"]} if resource_type == "Patient" and "id" in resource else found
