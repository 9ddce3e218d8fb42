"""Whose record a resource belongs to, by the Patient CompartmentDefinition.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html. Two questions, two answers: the one patient whose chart the
resource is part of, and all patients in whose compartment ($everything) it lies.
"""

from functools import cache
from typing import Any

from sojourn.fhir.extract import extract
from sojourn.fhir.searchparams import PARAMS, compartment_table, patient_params
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
    names = PARAMS[resource_type][name].names
    known = terms or extract(resource, base)
    patients = {target[8:] for code, target in known.references if code in names and target.startswith("Patient/")}
    return patients.pop() if len(patients) == 1 else None


def fixed_by(resource_type: str, code: str) -> bool:
    """Whether "this parameter points to that patient" and "the row is in that patient's chart" are the same question."""
    subject = subject_param(resource_type)
    if subject is None or code not in PARAMS[resource_type]:
        return False
    param = PARAMS[resource_type][subject]
    return param.single and len(param.paths) == 1 and PARAMS[resource_type][code].names == param.names


@cache
def fixing_names(resource_type: str) -> frozenset[tuple[str, ...]]:
    """Index names of the references for which `fixed_by` holds."""
    params = PARAMS[resource_type].values()
    return frozenset(param.names for param in params if param.kind == "reference" and fixed_by(resource_type, param.code))


@cache
def member_names(resource_type: str, compartment: str) -> frozenset[str]:
    """Index names of the references that put a resource of the type into a compartment."""
    params = PARAMS[resource_type]
    codes = compartment_table(compartment).get(resource_type, ())
    return frozenset(name for code in codes if code in params for name in params[code].names)


@cache
def members(compartment: str) -> tuple[str, ...]:
    """Resource types that can lie in a compartment; empty where there is none of that name."""
    return tuple(t for t in sorted(compartment_table(compartment)) if member_names(t, compartment) or t == compartment)
